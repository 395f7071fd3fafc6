"""The product's settings, with static files collected for one test."""

import os
from pathlib import Path

from config.settings import *  # noqa: F403 # all of them but one

STATIC_ROOT = Path(os.environ["LIVE_STATIC_ROOT"])
