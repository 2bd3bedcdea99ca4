"""The parts of deploy_local.py."""
