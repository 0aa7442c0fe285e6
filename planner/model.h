#ifndef PLANNER_MODEL_H
#define PLANNER_MODEL_H

#include "planner/base/attr.h"
#include "planner/engine_version.h"
#include "planner/modelfacts.h"
#include "planner/spec.h"

/*
 * The spec with every question answered that needs no look at a host: nodes with
 * ranks and roles, sizes, names of containers, paths. Pure.
 */
enum role { ROLE_HEAD, ROLE_WORKER };
enum backend { BACKEND_RAY, BACKEND_MP };
enum runtime { RUNTIME_DOCKER, RUNTIME_PODMAN, RUNTIME_NONE };

struct node {
	const char *name;               /* unique; used in addresses: worker[gpu-2] */
	const struct spec_node *spec;   /* NULL: known only from members.json (left the spec) */
	const char *host;               /* what the executor dials */
	const char *address;            /* what the other nodes dial; NULL: not known yet */
	const char *executor;           /* "ssh", "local", or a Lua file */
	const char *folder;             /* of the spec: where the Lua file is; NULL: here */
	enum role role;
	size_t rank;
	long long gpus;                 /* wanted on this node; -1: whatever is there */
	struct facts *facts;            /* what was observed; NULL: not looked yet */
	const struct spec_node *member; /* without spec: how members.json says to reach it */
	bool keeps;                     /* it has steps of kinds that are not known here */
	bool forget;                    /* left the spec, and is clean or given up: no member any more */
};

struct model {
	const struct spec *spec;
	const char *folder;             /* of its file, "." for the current one */
	const char *cluster;
	struct node *node;              /* spec nodes in order, then orphans */
	size_t nnode, capnode;
	size_t nspec;                   /* the first nspec are in the spec */
	size_t nlayout;                 /* nodes the layout uses: the first nlayout */
	long long tensor, pipeline, data;
	enum backend backend;           /* model_choose_backend() decides */
	const char *backend_why;        /* of an `auto`, for the plan; NULL: the user chose */
	bool backend_guessed;           /* nothing is known of the image: apply looks into it */
	enum runtime runtime;
	const char *image;              /* as the runtime takes it; NULL: without containers */
	const char *venv;               /* runtime none: where vLLM is, else NULL */
	const char *hf_home;            /* <shared_dir>/.cache/huggingface */
	const char *script_path;        /* <shared_dir>/.dray/run_cluster-<sha12>.sh */
	const char *hub;                /* models--ORG--NAME */
	const char *served_name;        /* serve.name, or the repo */
	bool launcher_script;
	/* Facts from outside, put in by run_observe() before the graph is made. */
	const char *commit;             /* 40 hex; NULL: not known */
	const char *commit_why;         /* why it is not known */
	struct manifest *manifest;      /* the files of the commit, or NULL */
	struct modeltexts texts;        /* config.json and the like */
	/* layout_choose() fills these in. */
	struct modelfacts *shape;
	struct layout_result *layout;
	const char *layout_note;        /* "weights 23.8 of 79.6 GiB per GPU, ..."; or NULL */
	const char *api_key_mac;        /* NULL: no key in the spec */
	const char *mac_key;            /* the cluster's key; made anew by the first apply */
	bool mac_key_new;               /* by this run: no node has one yet */
	struct addresses *addresses;    /* how the nodes' addresses were chosen (address.h);
					 * NULL: all of them are written in the spec */
	const struct rdma *rdma;        /* NULL: not on all nodes (rdma.h) */
	struct { struct user_step *v; size_t n, cap; } user;    /* user.h */
	const struct kind *const *kinds;        /* ours and the user's; NULL: ours alone */
};

/* One file of the model at its commit, from the Hub's list, after include/exclude. */
struct manifest_file {
	const char *path;
	long long size;                 /* bytes */
	const char *blob;               /* blob name in the cache: sha256 (LFS) or git sha1 */
};
struct manifest {
	struct manifest_file *v;
	size_t n, cap;
	long long bytes;
};

/* NULL when the spec cannot make a model; the errors are in d. */
struct model *model_build(struct arena *, const struct spec *, struct diags *d);
/* What engine.backend means here, by the spec, the image's tag and what the head showed of
 * the image. model_build() calls it, and who looks at the nodes does so again after. */
void model_choose_backend(struct arena *, struct model *);
/* What it would be with several nodes. */
enum backend model_several_backend(struct arena *, const struct model *);
/* The version of vLLM that the image has, as far as it is known by tag or look. */
struct engine_version model_engine_version(const struct model *);
/* The node of that name, or NULL. */
struct node *model_node(const struct model *, const char *name);
/* The Hub's answer to /api/models/REPO/revision/REV?blobs=true -> commit and
 * manifest, with include and exclude applied. Length-limited; false with *why. */
bool model_read_hub(struct arena *, struct model *, const char *json, size_t n, const char **why);

#endif
