"""The floor: people, audit, jobs and small parts with no opinion about merchants."""
