"""Hidden checks of two-stages: another state of the project, with a new source file, another globe and other depots."""

import math
import random

import pytest
from test_two_stages import Built, must_be_small, must_find, must_have_no_compiler, must_have_nothing_of_the_build

from labkit.checking.checks import after, keeps, points, review

RADIUS = 3389.5  # of Mars, in km: what the module computes must come from this build's source
DEPOTS = {"Olympus": (18.65, -133.8), "Gale": (-5.4, 137.8), "Hellas": (-42.4, 70.5), "Jezero": (18.38, 77.58)}
HEADER = '#include "globe.h"\n#define EARTH_RADIUS_KM globe_radius_km()\n'
GLOBE = f'#include "globe.h"\ndouble globe_radius_km(void) {{ return {RADIUS}; }}\n'


def kilometres(lat1, lon1, lat2, lon2):
    """The distance on that globe."""
    north, east = math.radians(lat2 - lat1), math.radians(lon2 - lon1)
    a = math.sin(north / 2) ** 2 + math.cos(math.radians(lat1)) * math.cos(math.radians(lat2)) * math.sin(east / 2) ** 2
    return 2 * RADIUS * math.asin(math.sqrt(a))


def nearest(place):
    """What the program must say of a place."""
    at = [float(number) for number in place.split(",")]
    distance, name = min((kilometres(*at, *where), name) for name, where in DEPOTS.items())
    return f"{name} {distance:.1f} km"


@pytest.fixture(scope="module")
def built(image_place, project_files, answers):
    """The answer, built in the project as it will be some commits later."""
    depots = "".join(f"{name},{lat},{lon}\n" for name, (lat, lon) in DEPOTS.items())
    later = {
        "src/earth.h": HEADER,
        "src/globe.h": "double globe_radius_km(void);\n",
        "src/globe.c": GLOBE,
        "depots.csv": f"name,lat,lon\n{depots}",
    }
    return Built(image_place, {**project_files, **later}, answers["image"])


@points(3)
@keeps("later-states")
@after("test_runs")
@review("Where the last stage's module comes from, and which files of the project the stage that compiles has.")
def test_later_state_of_the_project(built):
    """The same Dockerfile builds a later state of the project, with one more source file and other depots, and runs what was compiled there."""
    draw = random.Random(19)
    places = [f"{draw.uniform(-60, 60):.2f},{draw.uniform(-180, 180):.2f}" for _ in range(5)]
    must_find(built, {place: nearest(place) for place in places})


@points(3)
@keeps("size", "no-compiler", "nothing-of-the-build")
@after("test_later_state_of_the_project")
@review("What a layer holds, and what the last stage takes from the others.")
def test_image_of_the_later_state(built):
    """The later state's image is as small, and has no compiler and nothing of the build either."""
    must_have_no_compiler(built)
    must_have_nothing_of_the_build(built)
    must_be_small(built)
