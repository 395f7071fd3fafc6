"""Users as tables: import and export of CSV and XLSX."""
