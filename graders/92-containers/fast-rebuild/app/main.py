"""The quote service's report: what a tour costs."""

import gridmap
import routecost
import timewindow

from app.greeting import GREETING

STOPS = 7

print(GREETING)
print(f"A tour of {STOPS} stops from {gridmap.cell(52.5, 13.4)} costs {routecost.cost(STOPS):.2f} EUR.")
print(f"Delivery at 17:00: {'yes' if timewindow.fits(17) else 'no'}. Map data {gridmap.VERSION}.")
