"""What plain reading and writing cannot say: builds, deployments, time."""
