def cost(stops):
    return 4.5 + 1.2 * stops
