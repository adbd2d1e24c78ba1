"""Reads compiled once and rows written as sets: for the few paths where building each query again costs too much.

An ordinary queryset spends more time in Python, being built and compiled, than the database spends on it. The intake
runs the same handful of them for every group of posts, so they are compiled once (`compiled`), and what a group brings
forth is written with one statement whose text does not depend on how many rows there are (`sets`). Everything else in
the project uses plain querysets.
"""
