"""Answers that check, compare and judge tables: functions that are given DataFrames, called one at a time, with no service at all."""
