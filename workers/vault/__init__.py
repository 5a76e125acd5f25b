"""The vault: the object store with Object Lock, and the only package that knows its client.

vault.py        the contract: what a vault does            values.py      what it answers
keys.py         where things lie                           faults.py      what it refuses
s3.py           the real one; fake.py one in memory        store_check.py is this store fit for evidence?
provision.py    makes the bucket                           client.py      minio-py, mended
"""
