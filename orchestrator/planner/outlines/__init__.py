"""Plans that people keep in other forms, one reader for each (``plan --from FILE``).

Each module is named as its form and has ``recognises(document)`` and ``read(document)``; those of JSON and YAML take
data in the place of a document. What is none of them is
refused by ``planner/draft_file.py``.
"""
