"""Reference documents made from the code: schemas, AsyncAPI, topics, settings, errors. They cannot drift.

python -m console.reference --write     make them again
python -m console.reference --check     exit 1 and show what differs
"""
