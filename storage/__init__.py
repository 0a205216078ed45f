"""Where studies live: cohort transactions in Optuna's own schema."""
