"""The commands of ``stimg-train``, one file each: its options, and what they go to."""
