"""What roomm8ctl does, one module a part of it."""
