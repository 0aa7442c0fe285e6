#ifndef PLANNER_VLLM_H
#define PLANNER_VLLM_H

#include "planner/engines/engine.h"

/*
 * What vLLM answers to the questions of struct engine; vllm.c has the table. Each function is
 * described at the member of its name in engine.h.
 */
extern const struct engine engine_vllm;
struct checkpoint;

struct engine_version vllm_version_of_image(const char *image, bool copies);
const char *vllm_arg_since(struct engine_version, const char *arg);
const char *vllm_unknown_model(struct arena *, struct engine_version, const char *architecture,
			       const char **hint);
/* vllm_image.c */
const char *vllm_image_for(const char *image);
const char *vllm_image_instead(struct arena *, const char *image, const char *accelerator);
int vllm_platform(const char *image, struct engine_version);
const char *vllm_nccl(const char *image);
const char *vllm_image_other(const char *image);
const char *vllm_image_with(struct arena *, int platform);
void vllm_gpu_refused(struct arena *, const struct cluster *, int platform, int capability,
		      const char *generation, struct engine_refusal *);
const char *vllm_image_lacks_arch(const char *image, const char *arch);
const char *vllm_refuses(struct arena *, struct engine_version, enum shape, const char *instead);
const char *vllm_image_lacks(const char *image, enum shape);
/* That of v0.17.1 if the release is not known or its own script does not work well. */
const char *vllm_script_url(struct arena *, struct engine_version, const char **sha256);
struct engine_choice vllm_choose(struct arena *, const struct cluster *, size_t nodes);
void vllm_want(struct arena *, const struct step *, enum engine_role, struct attrs *);
/* vllm_load.c */
void vllm_load(const char *text, size_t n, struct engine_load *);
/* vllm_bench.c */
void vllm_bench(struct arena *, const struct bench_load *, struct attrs *inputs, struct task *);
bool vllm_bench_result(const char *text, size_t n, const struct bench_load *, struct bench_step *);
/* vllm_argv.c */
void vllm_argv(struct arena *, enum engine_role, struct attrs *inputs, const char *model,
	       struct task *);

void vllm_ask(struct arena *, const struct cluster *, struct layout_ask *);
const char *vllm_rule_tensor(struct arena *, const struct layout_ask *, long long tensor);
const char *vllm_rule_pipeline(struct arena *, const struct layout_ask *, long long pipeline);
long long vllm_layers_before(const struct layout_ask *, long long pipeline, long long k);
struct layout_overhead vllm_overhead(const struct layout_ask *, const struct layout_part *);
/* vllm_kv.c */
struct layout_kv vllm_kv(const struct layout_ask *, const struct layout_part *,
			 long long context);
/* The runner of the model that this version chooses by itself: 1 or 2. *known: it is not a guess. */
int vllm_runner(struct engine_version, const struct checkpoint *, bool *known);

#endif
