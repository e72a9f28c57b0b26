"""What a line of Python says: trees and scopes, names, values, and the paths that texts come to."""
