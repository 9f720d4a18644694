"""Three by three: Cholesky factors, inverses and products of the parameters' covariances, in place."""

import math

from shm.kernel import kernel

_PIVOT_MIN = 1e-12
"""Of a covariance's diagonal: coordinates that no longer vary do not stop the rest."""


@kernel
def factorise(covariance, factor):
    """Lower triangle L with L L' = covariance; a pivot that has vanished is kept just above 0."""
    for row in range(3):
        for column in range(3):
            factor[row, column] = 0.0
    for column in range(3):
        pivot = covariance[column, column]
        for k in range(column):
            pivot -= factor[column, k] * factor[column, k]
        factor[column, column] = math.sqrt(max(pivot, _PIVOT_MIN))
        for row in range(column + 1, 3):
            value = covariance[row, column]
            for k in range(column):
                value -= factor[row, k] * factor[column, k]
            factor[row, column] = value / factor[column, column]


@kernel
def invert_triangle(factor, inverse):
    """Inverse of a lower triangle."""
    for column in range(3):
        for row in range(3):
            value = 1.0 if row == column else 0.0
            for k in range(column, row):
                value -= factor[row, k] * inverse[k, column]
            inverse[row, column] = value / factor[row, row] if row >= column else 0.0


@kernel
def multiply(left, right, product):
    """product = left right; not in place."""
    for row in range(3):
        for column in range(3):
            value = 0.0
            for k in range(3):
                value += left[row, k] * right[k, column]
            product[row, column] = value


@kernel
def invert(covariance, inverse, triangle, spare):
    """Inverse of a covariance by its factor; `triangle` and `spare` are room to work in."""
    factorise(covariance, triangle)
    invert_triangle(triangle, spare)
    for row in range(3):
        for column in range(3):
            triangle[row, column] = spare[column, row]
    multiply(triangle, spare, inverse)
