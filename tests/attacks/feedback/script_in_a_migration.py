# Raises an error whose text is HTML and script.
# lab: alembic-expand-contract
# honest: 0
# says: document.title='owned'
# series: full
revision, down_revision = "expand", None
raise SystemExit("<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"></span></div>")
