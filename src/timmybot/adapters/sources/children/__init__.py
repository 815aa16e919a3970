"""Code that runs in child processes, which hold no secret and open no connection. Only these rooms import FFmpeg.

media   decodes, filters, measures and encodes what the worker has fetched
"""
