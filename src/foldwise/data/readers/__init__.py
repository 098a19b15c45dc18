"""What sources are made of: how files, tables, series, texts and archives are read."""
