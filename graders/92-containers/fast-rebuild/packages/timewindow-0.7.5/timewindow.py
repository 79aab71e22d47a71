def fits(hour):
    return 8 <= hour < 18
