"""The shape in which every store keeps a value.

Two releases read each other's items during a rolling deploy, so the shape is a promise of its own, and the same in
every store: a record is a mapping of field names to text, numbers, flags, lists and mappings of these. What is
absent has its default. Readers trust nothing: a record that cannot be understood raises
:class:`~timmybot.ports.records.fields.Unreadable`, and the store sets it aside.
"""
