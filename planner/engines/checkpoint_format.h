#ifndef PLANNER_CHECKPOINT_FORMAT_H
#define PLANNER_CHECKPOINT_FORMAT_H

/* How a model's files are laid out. */
enum checkpoint_format {
	FORMAT_NONE,            /* not known */
	FORMAT_HF,              /* config.json and weights */
	FORMAT_MISTRAL,         /* params.json and consolidated*.safetensors */
	FORMAT_GGUF,            /* one file with everything */
};

#endif
