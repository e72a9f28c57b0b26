"""Tables from files of other people: with the columns that were declared, or refused by file, column, row and value.

`Table` says what a file must hold, a `Column` at a time; `Table.read` gives just that, whatever form it came in.
"""

from .columns import Column, Unit
from .tables import Codes, Table

__all__ = ["Codes", "Column", "Table", "Unit"]
