"""What a study tries next: proposals that depend on trial numbers and earlier outcomes alone."""
