def cell(lat, lon):
    return f"{int(lat * 10)}/{int(lon * 10)}"
