#ifndef PLANNER_CLUSTER_H
#define PLANNER_CLUSTER_H

#include "planner/base/attr.h"
#include "planner/cluster/image_proof.h"
#include "planner/cluster/node.h"
#include "planner/engines/engine.h"
#include "planner/sources/source.h"

struct runtime;

/* A repository besides the model's. */
struct cluster_extra {
	struct spec_model from;         /* repo, revision, token, endpoint */
	const char *use;                /* "lora", ...; NULL: not said */
	struct loc at;
	const char *hub;                /* models--ORG--NAME */
	const char *name;               /* ORG--NAME: in the address of its step */
	const char *commit, *commit_why;        /* as those of the cluster */
	struct manifest *manifest;
	const char *said;               /* the Hub's answer, or NULL */
	size_t nsaid;
};

/*
 * A cluster in the course of one command. It begins with what the spec says, a look at the
 * nodes adds facts, and cluster_decide() adds the decisions. Each part names the function that
 * writes it; no other code does.
 */
struct cluster {
	/* cluster_build(): what follows from the spec alone. */
	const struct spec *spec;
	const char *folder;             /* of its file, "." for the current one */
	const char *name;
	size_t nspec;                   /* the first nspec nodes are in the spec */
	const struct engine *engine;
	const struct runtime *runtime;
	const char *image;              /* as the runtime names it; NULL: no containers */
	const char *archive;            /* engine.image_archive: the file that has the image; NULL: a
					 * registry has it */
	const char *archive_from;       /* where it is on this machine, which sends it to the nodes;
					 * NULL: it is on each of them */
	const char *archive_stamp;      /* then: its size and time */
	const struct image_proof *proof;        /* which image it must be, by a file of the operator; NULL:
					 * not known */
	bool pull_once;                 /* one node pulls the image, the others get it from there */
	const char *venv;               /* without containers: the folder with the engine, else NULL */
	const char *sif;                /* the image that the commands in venv run in, else NULL */
	const char *store;              /* the directory of the storage, or NULL */
	bool store_shared;              /* all nodes share it */
	bool store_proved;              /* what is in it must be the same everywhere: apply proves that */
	const char *hf_home;            /* <store>/.cache/huggingface, or NULL */
	const char *script_path;        /* <store>/.dray/run_cluster-<sha12>.sh */
	const struct weights_source *source;   /* where the model comes from */
	const char *hub;                /* models--ORG--NAME; NULL: not from the Hub */
	struct cluster_extra *extra;    /* other repositories; run_observe() adds what they are */
	size_t nextra;
	const char *served_name;        /* serve.name, or the name by the source */
	const char *served_names;       /* all of them, with a space between */
	bool launcher_script;
	long long data;

	/* cluster_compile(): the user's own steps and kinds (custom.h). */
	struct { struct custom_step *v; size_t n, cap; } custom;
	const struct kind *const *kinds;        /* built-in ones and the user's */

	/* cluster_build(); members_merge() adds nodes that left the spec. run_observe() adds the
	 * facts, and why a node cannot be reached. */
	struct node *node;              /* spec nodes in order, then those that left */
	size_t nnode, capnode;
	const char *cut_by;             /* the first node that names too many others */
	size_t ncut;                    /* how many nodes do */

	/* run_observe(): facts from outside the nodes, and keys. */
	const char *commit;             /* 40 hex; NULL: not known */
	const char *commit_why;         /* why it is not known, or not from the Hub */
	struct manifest *manifest;      /* the files of the commit, or NULL */
	const struct facts *cached;     /* of a node whose cache told them, or NULL */
	struct checkpoint_texts texts;  /* config.json and the like; set by cmd/ for a given file */
	const char *ca;                 /* the text of model.ca, or NULL */
	const char *api_key_mac;        /* NULL: no key in the spec */
	const char *mac_key;            /* the cluster's key; the first apply makes it */
	const char *mac_key_other;      /* a node that has a different one, or NULL */
	bool mac_key_new;               /* made by this run: no node has one yet */

	/* cluster_decide(); before, sizes and shape are what the spec says. */
	struct addresses *addresses;    /* how the nodes' addresses were chosen (address.h);
					 * NULL: the spec gives all of them. run_observe() adds
					 * what the nodes found about each other */
	struct checkpoint *checkpoint;
	struct layout_result *layout;   /* NULL: no search was possible */
	const char *layout_note;        /* "weights 23.8 of 79.6 GiB per GPU, ..."; or NULL */
	long long tensor, pipeline;
	const char *partition;          /* layers of each stage, "36,14,14"; NULL: as the engine
					 * splits them */
	size_t nlayout;                 /* the layout uses the first nlayout nodes */
	enum shape shape;               /* of the engine */
	const char *shape_why;          /* why `auto` chose it, for the plan; NULL: the user did */
	bool shape_guessed;             /* the image is not known: apply looks into it */
	const struct rdma *rdma;        /* NULL: not all nodes have it (rdma.h) */
};

/* The runtime of that word, otherwise the first (planner/runtimes/runtime.h); and the image as
 * that runtime names it, NULL: it uses none. */
const struct runtime *runtime_find(const char *word);
const char *runtime_image(struct arena *, const struct runtime *, const char *image);
/* The folder on a node with commands that run in the image, or NULL: see struct runtime. */
const char *runtime_prefix(struct arena *, const struct runtime *, const char *image, const char *store);

/* From a spec without errors. cluster_compile() adds the user's own steps. */
struct cluster *cluster_build(struct arena *, const struct spec *);
/* A cluster of this machine alone, without a spec. */
struct cluster *cluster_local(struct arena *);
/* Resolves engine.backend from the spec, the image's tag and what the head shows of the image.
 * For cluster_build() and cluster_decide(). */
void cluster_choose_shape(struct arena *, struct cluster *);
/* The shape on several nodes. */
enum shape cluster_several_shape(struct arena *, const struct cluster *);
/* Can the engine's version, observed or from the tag, do what was chosen? */
void cluster_check_shape(struct arena *, const struct cluster *, struct diags *d);
/* The version of the engine in the image, from its tag or from a look, if known. */
struct engine_version cluster_engine_version(const struct cluster *);
/* What an apply found in exactly the image that the head has, or NULL. */
const struct facts *cluster_image_facts(const struct cluster *);
/* The facts of the head, if they show its virtual environment, or NULL. */
const struct facts *cluster_venv_facts(const struct cluster *);
/* The node of that name, or NULL. */
struct node *cluster_node(const struct cluster *, const char *name);
/* Sets the model's files, or why there are none. */
void cluster_take_manifest(struct cluster *, struct manifest *, const char *why);
/* Takes the list of the model's files from a node's cache, if the cache has all of them: at the
 * commit that the spec names, or that the cache has for the branch or tag. The reason why the Hub
 * was not used is kept. False: no cache has all of them, and that reason also says what is missing. */
bool cluster_take_snapshot(struct arena *, struct cluster *);
/* The same for another repository. */
bool cluster_take_extra(struct arena *, struct cluster *, struct cluster_extra *);
/* Sets the files of another repository, or why there are none. */
void cluster_extra_set(struct cluster_extra *, struct manifest *, const char *why);
/* For another look in the same run: keeps what was found outside the nodes. */
void cluster_keep_outside(struct cluster *, const struct cluster *then);
/* Sets mac_key to the key for secrets that most nodes have, counting nodes of the spec if one
 * of them has any; or NULL. A single node with another key must not make all secrets look
 * changed. */
void cluster_find_key(struct cluster *);

#endif
