"""How `make notebooks` stores a notebook, so that the same run gives the same file. A configuration of nbconvert."""

c = get_config()  # nbconvert defines it where it reads this file
c.ExecutePreprocessor.kernel_name = "python3"
c.ExecutePreprocessor.timeout = 600
c.ExecutePreprocessor.record_timing = False
c.ExecutePreprocessor.extra_arguments = ["--log-level=ERROR"]  # no warning about how this process talks to the kernel
# How many pieces a kernel sends its text in depends on its speed; one piece is stored.
c.NotebookExporter.preprocessors = ["nbconvert.preprocessors.CoalesceStreamsPreprocessor"]
# What no author wrote goes away: times, the interpreter's version, what an editor remembers.
c.ClearMetadataPreprocessor.enabled = True
c.ClearMetadataPreprocessor.preserve_cell_metadata_mask = {"tags", "mystnb", "jupyter"}
c.ClearMetadataPreprocessor.preserve_nb_metadata_mask = {"kernelspec", ("language_info", "name")}
