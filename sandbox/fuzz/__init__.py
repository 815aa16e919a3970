"""Lets random inputs loose on the parsers that read what strangers wrote: ``make fuzz``.

``targets`` says what must hold for any bytes, ``mutation`` makes bytes out of others, ``ogg_reference`` reads Ogg a
second, slower way, and ``fuzzing`` keeps what leads the parsers to lines where they were not before. ``corpus`` holds
what it begins with: pieces of real files, and inputs that were new once.
"""
