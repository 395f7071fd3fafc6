#!/usr/bin/env python
"""Run administrative commands."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)  # the server's processes count, no command
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as fault:  # with names and reasons; a traceback tells no more
        sys.exit(str(fault))
