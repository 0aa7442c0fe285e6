#ifndef STEPS_ENGINE_INPUTS_H
#define STEPS_ENGINE_INPUTS_H

#include "planner/plan/kind.h"

/* The inputs of the engine's steps. Their commands are made from these alone. */

/* Adds the inputs of a node of the engine: a container or process. */
void engine_want(struct arena *, struct step *, enum engine_role);
/* If a node does not answer, keeps the inputs that depend on all nodes (interfaces and RDMA for
 * NCCL) as the step was started with them. */
void engine_keep_common(struct arena *, struct step *);
/* Adds the inputs of the server, which are the same for all ranks. */
void engine_serve_want(struct arena *, struct step *);
/* Adds the inputs of the API. */
void engine_api_want(struct arena *, struct step *);
/* The model's path, as the process with these inputs sees it. */
const char *engine_model(struct arena *, struct attrs *inputs);

/* Appends the command line of the server. If an argument names a repository that dray downloads, its
 * folder stands in place of the name: the engine cannot ask the Hub what the name means. */
void engine_argv(struct arena *, const struct engine *, enum engine_role, struct attrs *inputs,
		 struct task *);

/* What a change of these inputs does to the step that serves. */
#define SERVE_FIELDS \
	{"model.", EFFECT_REPLACE, "which model, at which commit or path"}, \
	{"extra.", EFFECT_REPLACE, "the commit of another repository that arguments name"}, \
	{"name", EFFECT_REPLACE, "the model's name in the API"}, \
	{"bind", EFFECT_REPLACE, "the address that the API listens on"}, \
	{"port", EFFECT_REPLACE, "the port that the API listens on"}, \
	{"tensor", EFFECT_REPLACE, "tensor parallel size"}, \
	{"pipeline", EFFECT_REPLACE, "pipeline parallel size"}, \
	{"nodes", EFFECT_REPLACE, "how many nodes the layout uses"}, \
	{"args.", EFFECT_REPLACE, "more arguments of vllm serve"}, \
	{"api_key", EFFECT_REPLACE, "the key that clients must send"}, \
	{"dray.", EFFECT_REPLACE, "arguments that dray adds itself", .later = true}
/* The same for the inputs of a node of the engine. */
#define ENGINE_FIELDS(effect) \
	{"runtime", effect, "docker, podman, apptainer, singularity or none"}, \
	{"venv", effect, "the virtual environment (runtime none)"}, \
	{"vllm", effect, "the version of vLLM in it"}, \
	{"ray", effect, "the version of Ray in it"}, \
	{"image", effect, "the image as written in the spec"}, \
	{"image_id", effect, "hash of the image's layers and settings"}, \
	{"gpus", effect, "how the GPUs get into the container", .later = true}, \
	{"hf_home", effect, "the directory mounted as the model cache"}, \
	{"model_path", effect, "model.path, mounted read-only at the same path"}, \
	{"model_links", effect, "what links in it lead to, mounted where they look for it"}, \
	{"docker_args", effect, "engine.docker_args"}, \
	{"files.", effect, "the content of a file under 'files' that it uses"}, \
	{"files_dir", effect, "where the files under 'files' are on the node"}, \
	{"env.", effect, "the environment of the container"}, \
	{"rdma.", effect, "what RDMA needs from the runtime, if all nodes have active ports"}

#endif
