"""A door that lets everybody in at once, for tests of what comes after it."""

from service.http.admission import Door

WIDE = Door("ask", slots=1000, queue=0, patience=60.0)
