from glob import glob

from setuptools import Extension, setup

setup(ext_modules=[Extension("nearest", sorted(glob("src/*.c")), include_dirs=["src"])], py_modules=[])
