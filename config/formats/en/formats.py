"""Like the time lines write them: sortable, and with their zone."""

DATE_FORMAT = "Y-m-d"
DATETIME_FORMAT = r"Y-m-d H:i:s \U\T\C"  # TIME_ZONE is no setting of an installation
