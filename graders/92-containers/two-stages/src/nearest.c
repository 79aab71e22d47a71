/* nearest.kilometres(lat1, lon1, lat2, lon2): the distance of two places on the globe. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>

#include "earth.h"

#ifndef M_PI
#define M_PI 3.14159265358979323846
#endif

static double radians(double degrees) { return degrees * M_PI / 180.0; }

static PyObject *kilometres(PyObject *self, PyObject *args) {
    double lat1, lon1, lat2, lon2;
    if (!PyArg_ParseTuple(args, "dddd", &lat1, &lon1, &lat2, &lon2)) return NULL;
    double north = sin(radians(lat2 - lat1) / 2), east = sin(radians(lon2 - lon1) / 2);
    double a = north * north + cos(radians(lat1)) * cos(radians(lat2)) * east * east;
    return PyFloat_FromDouble(2 * EARTH_RADIUS_KM * asin(sqrt(a)));
}

static PyMethodDef methods[] = {
    {"kilometres", kilometres, METH_VARARGS, "The distance of two places in kilometres."},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "nearest", NULL, -1, methods};

PyMODINIT_FUNC PyInit_nearest(void) { return PyModule_Create(&module); }
