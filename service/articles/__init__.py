"""How an article gets in: corpus rows, files and folders, and the dates they carry."""
