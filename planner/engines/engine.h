#ifndef PLANNER_ENGINE_H
#define PLANNER_ENGINE_H

#include "planner/base/arena.h"
#include "planner/base/attr.h"
#include "planner/base/task.h"
#include "planner/engines/checkpoint_format.h"
#include "planner/engines/engine_version.h"

/*
 * An engine is a program that serves a model on several nodes. This header is all that the
 * rest of dray knows about engines: it asks the struct and names no engine.
 *
 * To add an engine: a folder planner/engines/NAME/ with `const struct engine engine_NAME`
 * and its node scripts, and one line in engines.def. The folder is a room above planner/plan
 * and planner/runtimes, so it may include cluster, layout and step headers. This header may
 * not, so it only declares those structs. Every function is pure and allocates its result in
 * the arena. tests/unit/engine_test.c checks that each row is complete.
 */
struct bench_load;
struct bench_step;
struct cluster;
struct layout_ask;
struct layout_overhead;
struct layout_part;
struct layout_kv;
struct spec;
struct step;

/*
 * How the processes of an engine on several nodes work together.
 *	ranks: one process a node, all equal; they live and die together, and the first
 *	has the API (vLLM's mp, SGLang).
 *	coordinator: a head, workers that join it, and a server on top, which starts next to
 *	the head after all workers joined (vLLM over Ray; llama.cpp, whose head is a
 *	placeholder).
 * The step kinds in planner/steps belong to the shapes, not to an engine.
 */
enum shape { SHAPE_COORDINATOR, SHAPE_RANKS, SHAPES };
enum engine_role { ENGINE_RANK, ENGINE_HEAD, ENGINE_WORKER, ENGINE_SERVER };

struct engine_shape {
	const char *word;       /* the word for it in engine.backend; NULL: the engine does
				 * not have this shape */
	const char *needs;      /* "Ray": what an image or virtual environment must contain
				 * besides the engine; NULL: nothing. Facts say if it does */
	const char *package;    /* the pip package of `needs` */
};

/* What `auto` resolves to. */
struct engine_choice {
	enum shape shape;
	const char *why;        /* for the plan: "the image has Ray 2.54.1" */
	bool guessed;           /* the image is not known: apply looks into it first */
};

/* An argument or a variable that dray sets, so the user may not. */
struct engine_own {
	const char *name;       /* without dashes; NULL ends a list */
	const char *from;       /* the key of the spec that sets it */
};

/* A port on the head that the coordinator shape takes besides serve.port. */
struct engine_port {
	int from, to;
	const char *what;       /* "Ray's head port"; NULL ends a list */
	const char *who;        /* what else may listen there: "another Ray, or a Redis?" */
	const char *without;    /* it starts even if the port is taken, and lacks this; or NULL */
};

/* The user's arguments that a layout and the checks need; NULL: there is none. */
struct engine_arg_names {
	const char *context;    /* the longest sequence, in tokens */
	const char *memory;     /* the part of a GPU's memory that it may use, 0 to 1 */
	const char *kv_dtype;   /* the type of the numbers in the KV cache */
};

/* Why something cannot work, and what does; why NULL: it can. */
struct engine_refusal {
	const char *why, *hint;
	bool surely;            /* otherwise it may */
};

/* How busy a server says it is; < 0: not said. */
struct engine_load {
	double running, waiting;        /* requests */
	double kv;                      /* of the KV cache in use, 0 to 1 */
	double tokens;                  /* generated since it started, of all requests */
	double progress;                /* grows with every step of the engine, prefill too */
};

/* One kind of question; the words of probe.kind. */
struct engine_ask {
	const char *kind;       /* "chat" */
	const char *path;       /* "/v1/chat/completions" */
	/* The body of a request to whose answer the model contributes. */
	const char *(*body)(struct arena *, const char *model, const char *prompt,
			    long long max_tokens);
};

/* An argument with which dray cannot work, and why. */
struct engine_refused {
	const char *name;       /* without dashes; NULL ends a list */
	const char *unless;     /* the only value that is fine, or NULL */
	const char *why;
};

struct engine {
	const char *name;       /* "vllm": the name of the row and the folder */
	const char *title;      /* "vLLM": in messages */
	const char *server;     /* "vllm serve": what listens at serve.port, in messages */
	const char *package;    /* the pip package that a virtual environment must have */
	const char *image;      /* the one that examples use */
	const char *example;    /* the engine: of a first spec (dray init), in YAML */

	/* ---- which version ---- */

	/* The version that the tag of one of the engine's own images names; not known for other
	 * images. With `copies`, an image of another registry that has the same name counts too,
	 * such as a mirror; that is used only to refuse what cannot start. */
	struct engine_version (*version_of_image)(const char *image, bool copies);
	/* If this version is too old for an argument (without dashes): the release that added it, as
	 * "v0.18.0". NULL: the version has it, or nothing is known. */
	const char *(*arg_since)(struct engine_version, const char *arg);
	/* What is wrong with models of that architecture ("GptOssForCausalLM") in that version,
	 * because it came later or was removed, and what can run it; NULL: it is there, or nothing
	 * is known. A plugin of the engine may add what the engine itself does not know. */
	const char *(*unknown_model)(struct arena *, struct engine_version, const char *architecture,
				     const char **hint);
	/* The GPUs that an image is built for, judging by its name: an accelerator's name, or words
	 * for those that dray does not serve on ("Intel Gaudi"). NULL: not known. */
	const char *(*image_for)(const char *image);
	/* The other engine whose image that is, judging by its name ("SGLang"); NULL: none is known. */
	const char *(*image_other)(const char *image);
	/* The image to take instead on GPUs of that accelerator, for a hint. */
	const char *(*image_instead)(struct arena *, const char *image, const char *accelerator);
	/* The version of the accelerator's platform (CUDA) in the engine's own image of that name
	 * or version, major * 100 + minor; 0: not known. */
	int (*platform)(const char *image, struct engine_version);
	/* The version of NCCL in the engine's own image of that name; NULL: not known. */
	const char *(*nccl)(const char *image);
	/* One of its own images with the newest NCCL, for a hint; and the variable that names another
	 * library of NCCL. */
	const char *nccl_image, *nccl_env;
	/* The newest of its own images whose platform is not newer than that, for a hint. */
	const char *(*image_with)(struct arena *, int platform);
	/* Why GPUs of that generation cannot run it, and what can. capability: 75 for 7.5, 0: not
	 * known; generation: as its maker writes it ("gfx942"), or "". */
	void (*gpu_refused)(struct arena *, const struct cluster *, int platform, int capability,
			    const char *generation, struct engine_refusal *);
	/* Why the engine's own image of that name is not there for an architecture ("arm64"), as
	 * a hint; NULL: it is, or nothing is known. */
	const char *(*image_lacks_arch)(const char *image, const char *arch);
	/* What helps besides an update of the driver, or NULL. */
	const char *driver_hint;

	/* The first release that takes uuids in the variable that selects GPUs, and the words with
	 * which older ones end. NULL: all releases take them. */
	const char *uuids_since, *uuids_error;
	/* Part of the version of a CPU build, which needs no GPUs; NULL: there is none. */
	const char *cpu_version;

	/* ---- which shape ---- */

	struct engine_shape shape[SHAPES];
	/* What `auto` resolves to on that many nodes, from what is known of the image. */
	struct engine_choice (*choose)(struct arena *, const struct cluster *, size_t nodes);
	/* Why that version cannot run a shape over several nodes, and what can; `instead`: what
	 * else the user may take, or NULL. NULL: it can, or nothing is known. */
	const char *(*refuses)(struct arena *, struct engine_version, enum shape,
			       const char *instead);
	/* Why the image lacks what the shape needs, judging by its tag; NULL: it has it, or
	 * nothing is known. */
	const char *(*image_lacks)(const char *image, enum shape);
	/* The releases that `refuses` ranks over several nodes because they are broken: from the
	 * first to before the second; NULL: none. */
	const char *ranks_broken[2];
	/* The URL of the script with which the documents of that release start the containers of
	 * the coordinator shape (launcher: script), and the SHA-256 of its bytes; NULL: there is
	 * no such script. */
	const char *(*script_url)(struct arena *, struct engine_version, const char **sha256);
	const struct engine_port *ports;        /* of the coordinator shape, the one where
						 * workers join first; NULL: none */
	int data_port;                          /* where copies within several nodes meet, on
						 * the head; 0: none */

	/* Coordinator shape: why the first node must have GPUs, too; NULL: it need not. */
	const char *head_gpus;
	/* The variable with which the user tells the coordinator what a node has. If it is set,
	 * GPUs are not counted. NULL: there is none. */
	const char *resources_env;

	/* ---- what is started ---- */

	const struct engine_own *own_args, *own_env;
	const struct engine_refused *refused_args;      /* NULL: none */
	const char *usual_args; /* arguments that people often give, with a space between: where a spec
				 * has one of these outside of engine.args, the error says so */
	bool args_shortened;    /* its parser accepts abbreviated arguments */
	struct engine_arg_names arg;
	/* The variable from which the server takes serve.api_key. */
	const char *api_key_env;
	/* What the step wants besides what every engine wants: environment, as env.NAME. */
	void (*want)(struct arena *, const struct step *, enum engine_role, struct attrs *want);
	/* Appends the words of the command line to the task. They come from the step's resolved
	 * inputs alone, never from the spec. `model` is the path of the model as the engine's
	 * process sees it. */
	void (*argv)(struct arena *, enum engine_role, struct attrs *inputs, const char *model,
		     struct task *);

	/* An argument that no version knows. Behind the server's command line it makes the parser
	 * end before anything starts; refused() of node_script then reads what else the parser
	 * refuses. NULL: options are not tried before a start. */
	const char *unknown_arg;
	/* Arguments that may name a repository of the Hub; NULL: none. `key`: if the value is JSON, the
	 * key that has the repository; then the value may also be WORD=ORG/NAME. `use`: what the
	 * repository is for, such as "lora". */
	const struct engine_repo_arg {
		const char *arg, *key, *use;
	} *repo_args;
	/* The arguments with which it is told the format of a model's files. Ends with a row
	 * without one; NULL: it needs none. */
	const struct engine_format {
		enum checkpoint_format format;
		const char *arg, *value;
	} *format_args;
	/* Arguments whose value is a file or folder, or NAME=PATH; ends with NULL. NULL: none. */
	const char *const *file_args;
	/* Variables whose value is a file or folder that has to be there; ends with NULL. NULL: none. */
	const char *const *file_envs;
	/* Arguments that it refuses unless `needs` is given, too; `value`: one for `needs`. Ends with
	 * a row without one. NULL: none. */
	const struct engine_needed {
		const char *arg, *needs, *value;
	} *needed_args;
	/* The file_args whose value is one file, which can be carried (files:); ends with a row
	 * without one. `secret`: only its owner may read it. */
	const struct engine_file_arg {
		const char *arg;
		bool secret;
	} *carried_args;

	/* ---- how to ask it ---- */

	/* Arguments with any of which the API speaks https; ends with NULL. NULL: it never does. */
	const char *const *tls_args;
	const char *models_path;        /* lists the served names, as OpenAI's API does */
	/* What a model may be asked; ends with a NULL kind. Which of them it answers depends on the
	 * model, and `auto` tries them in this order. */
	const struct engine_ask *asks;

	const char *metrics_path;       /* NULL: it has none */
	/* Reads its answer there into the load. */
	void (*load)(const char *text, size_t n, struct engine_load *);

	/* ---- its own benchmark; see benchmark.h ---- */

	/* Appends the words of the command that loads its API as the struct says, with the server's
	 * inputs, and writes result.json into the folder it runs in. NULL: it has none. */
	void (*bench)(struct arena *, const struct bench_load *, struct attrs *inputs, struct task *);
	/* Reads that file into a step. False: it is not a result. */
	bool (*bench_result)(const char *text, size_t n, const struct bench_load *, struct bench_step *);
	const char *bench_key_env;      /* the variable that the command takes the API key from */
	/* In front of bench-run.sh; it defines functions: bench_far, bench_errors and bench_why, as
	 * planner/engines/vllm/vllm-bench.sh has them. */
	const char *bench_script;

	/* ---- the node side: scripts in its folder, by name (script_get()) ---- */

	/* Put in front of every script that starts or ends a part of the engine. It defines all
	 * of these; they are empty if the engine has no coordinator:
	 *	server          its name in messages: "vllm serve"
	 *	key_variable    api_key_env
	 *	ready_path      answers over HTTP, with any status, once the API listens
	 *	coordinator     its name in messages: "Ray"
	 *	status_command  prints the coordinator's state; succeeds only if it runs
	 *	joined_words    in the log of a node: it has joined the coordinator
	 *	meet_words      in the log of a rank: from here on it waits for the others
	 *	far             a function: reads a log, prints in a few words how far the start is
	 *	measured        a function: reads a log, prints "WEIGHTS KV TOKENS" of a GPU, the first
	 *			two in GiB, "-" for what the log does not say; or nothing
	 *	known WHERE TEXT        a function: explains in a sentence why a start that printed
	 *			TEXT failed; fails if it does not know. WHERE: "image 'img:1'", or
	 *			the folder of a virtual environment in quotes
	 *	refused UNKNOWN a function: reads what the parser said, with unknown_arg among its
	 *			arguments; prints "say WORDS" for each that it refuses, and
	 *			"without --NAME/-N" if it may say more without that one. Fails if
	 *			the text is not an answer of the parser */
	const char *node_script;
	/* joined_script waits until all workers joined; WHERE NODES GPUS STALL STATUS-SH
	 * NODE=ADDRESS... NULL: no wait. STATUS-SH is status_script: reads the output of
	 * status_command, prints "NODES USED TOTAL" (GPUs in use, and all); NULL: not known. */
	const char *joined_script, *status_script;
	/* Its words, as node_script has them; a look asks it, too. NULL: a look asks nothing. */
	const char *status_command;
	/* The variable by which a worker takes another share of the coordinator's GPUs than one.
	 * If it is set, GPUs in use are not compared with the layout. NULL: there is none. */
	const char *share_env;
	/* What the titles of its processes begin with, instead of a command line: of those that
	 * each have a GPU if a copy takes several, and of the one that each copy has besides.
	 * NULL: they have no titles. */
	const char *worker_title, *core_title;

	/* ---- what a layout needs to know; see planner/layout/layout_fit.h ---- */

	/* Fills in what the user's arguments and the version decide: context, memory, batch ... */
	void (*ask)(struct arena *, const struct cluster *, struct layout_ask *);
	/* Why the engine refuses a size, in its own words, or NULL. A fact, never an estimate. */
	const char *(*rule_tensor)(struct arena *, const struct layout_ask *, long long tensor);
	const char *(*rule_pipeline)(struct arena *, const struct layout_ask *, long long pipeline);
	/* The variable that says how many layers each stage has, "36,14,14"; NULL: there is none. */
	const char *partition_env;
	/* How many layers are in the stages before stage k, for k from 0 to `pipeline`. */
	long long (*layers_before)(const struct layout_ask *, long long pipeline, long long k);
	/* The memory of each GPU that it uses besides weights and KV cache; an estimate. */
	struct layout_overhead (*overhead)(const struct layout_ask *, const struct layout_part *);
	/* A number that changes whenever overhead() or kv() does: an estimate with another number
	 * says nothing about today's, so what was measured beside it corrects nothing. */
	int memory_model;
	/* How its KV cache is laid out for sequences of that many tokens. */
	struct layout_kv (*kv)(const struct layout_ask *, const struct layout_part *,
			       long long context);
	const char *context_hint;       /* what to do if the model has a shorter context */
};

extern const struct engine *const engines[];    /* engines.def; ends with NULL */
/* Every word of engine.backend, auto first; ends with NULL. */
extern const char *const engine_backends[];
/* The engine of that name, or NULL if there is none. NULL stands for the first. */
const struct engine *engine_find(const char *name);
/* Is that the engine's word for the shape? False for NULL and for words of other engines. */
bool engine_shape_is(const struct engine *, enum shape, const char *word);
/* The key of the spec that sets this variable; NULL: dray does not set it. */
const char *engine_own_env(const struct engine *, const char *name);
/* The same for an argument of the user, without dashes, perhaps abbreviated or with no- in
 * front. `*name`: the full argument that it stands for. */
const char *engine_own_arg(const struct engine *, const char *arg, const char **name);
/* The row of carried_args with that name; NULL, also for NULL: there is none. */
const struct engine_file_arg *engine_file_arg(const struct engine *, const char *name);
/* A script with the engine's node_script in front. */
const struct script *engine_script(struct arena *, const struct engine *, const struct script *);
/* The text of a script of the engine; for NULL, a script that fails. */
const char *engine_text(const char *script);
/* "http" or "https": how a server that was started by these inputs is spoken to. */
const char *engine_scheme(const struct engine *, struct attrs inputs);
/* The question of that kind; NULL, also for "auto" and "none". */
const struct engine_ask *engine_ask_find(const struct engine *, const char *kind);
/* Does an answer with that status and message mean that the model is for something else? */
bool engine_ask_unfit(long status, const char *says);
/* The body of engine_ask for engines that speak as OpenAI's API does, and for what others
 * have added to it. */
const char *engine_chat(struct arena *, const char *model, const char *prompt,
			long long max_tokens);
const char *engine_completion(struct arena *, const char *model, const char *prompt,
			      long long max_tokens);
const char *engine_input(struct arena *, const char *model, const char *prompt,
			 long long max_tokens);
const char *engine_rerank(struct arena *, const char *model, const char *prompt,
			  long long max_tokens);

#endif
