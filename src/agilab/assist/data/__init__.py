"""What is known of tables without their rows: names, kinds, rounded bounds, shares of what is missing."""
