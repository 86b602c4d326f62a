"""What every `make deploy` but the first one checks, in this order, after the keys of the issuers. test_deploy_order.py
compares it with the script."""

CHECKS = ["record_keys.py", "existing_tables.py", "parameters.py"]
