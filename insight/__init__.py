"""What we know about customers: tiers, purchase cycle, churn warning, loyalty, satisfaction."""
