#ifndef PLANNER_ENGINE_VERSION_H
#define PLANNER_ENGINE_VERSION_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"

/*
 * What which vLLM can do, as one table. A version comes from the tag of vLLM's own
 * images, or from a look into the image; of other images nothing is assumed. Pure.
 */
struct engine_version {
	int major, minor, patch;        /* major negative: not known */
};

/* "v0.17.1", "0.11.1rc2", "0.32.0+cpu": the number before what follows; not known else. */
struct engine_version engine_version_read(const char *text);
/* The version that the tag of one of vLLM's own images names; not known for others. */
struct engine_version engine_version_of_image(const char *image);
bool engine_version_known(struct engine_version);
/* v < major.minor.patch? False when v is not known. */
bool engine_version_before(struct engine_version v, int major, int minor, int patch);

/* What came with a release, or went with one. */
enum engine_feature {
	ENGINE_HEADLESS,        /* vllm serve --headless */
	ENGINE_NNODES,          /* --nnodes, --node-rank, --master-addr, --master-port */
	ENGINE_BACKEND_NAMED,   /* without --distributed-executor-backend ray it refuses */
	ENGINE_READY_TIMEOUT,   /* VLLM_ENGINE_READY_TIMEOUT_S */
	ENGINE_CARRIES_ENV,     /* Ray workers get the driver's NCCL_* and others */
	ENGINE_RAY_INSIDE,      /* vLLM's own images have Ray in them */
	ENGINE_HF_COMMAND,      /* their hub client is called hf, not huggingface-cli */
	ENGINE_FEATURES
};
/* YES or NO by the table; MAYBE when the version is not known. */
enum engine_answer { ENGINE_NO, ENGINE_YES, ENGINE_MAYBE };
enum engine_answer engine_has(struct engine_version, enum engine_feature);
/* The release it came with, as "v0.11.1"; NULL: it always was there. */
const char *engine_since(enum engine_feature);

/* The release that brought an option of vllm serve (without dashes), as "v0.18.0", when
 * v is older than that; NULL: v knows it, or nothing is known. */
const char *engine_lacks_option(struct engine_version v, const char *option);

/* Where run_cluster.sh of that release lies, in the arena, and the SHA-256 of its bytes.
 * For a release that has a poor one, or is not known: that of v0.17.1. */
const char *engine_script_url(struct arena *, struct engine_version, const char **sha256);

/* The first branch of NVIDIA's driver that runs the CUDA of vLLM's own image of that
 * version (575), or 0 when that is not known. */
int engine_driver(struct engine_version);

#endif
