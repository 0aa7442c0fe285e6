#ifndef PLANNER_RUNTIME_H
#define PLANNER_RUNTIME_H

#include "planner/cluster/visible.h"
#include "planner/plan/kind.h"

/*
 * What runs an engine on a node: how something long-lived is started, observed, guarded,
 * diagnosed and ended. The rest of dray asks the struct and names no runtime. To add one: a
 * file with `const struct runtime runtime_NAME`, and a line in planner/spec/runtimes.def.
 * Pure: every function makes tasks or reads facts.
 */

/* When it counts as started. */
enum start_until {
	START_JOINED,           /* a node of the coordinator: it runs or has joined */
	START_LIVES,            /* it has run for a moment; another step waits for the rest */
	START_ANSWERS,          /* its API answers; waits as long as its log grows */
};

/* Something to start. All of it comes from the inputs: the caller adds the words of the command
 * and never reads the spec again. */
struct start {
	const struct step *step;
	struct attrs *inputs;           /* step_inputs(); stored with it, to be read again */
	struct attrs *env;              /* env.NAME for a process; a container uses `inputs` */
	enum start_until until;
	const char *what;               /* shown to the user: "SERVER, rank 0 of 2" */
	const char *launcher;           /* a script on the node that starts the container its own
					 * way; NULL: by the caller's command */
};

struct runtime {
	const char *name;       /* the word of engine.runtime */
	const char *title;      /* its name in sentences */
	bool contained;         /* steps are containers of an image, not processes of engine.venv */
	const char *shim;       /* put in front of scripts that call docker; NULL: not needed */
	/* The image as the runtime names it; NULL: it uses none. */
	const char *(*image)(struct arena *, const char *image);
	/* For a runtime without containers that runs commands in an image. prefix: the folder on each
	 * node with these commands, in the form of a virtual environment. file: the file of the image
	 * there. binds: the paths that it must be told to bring into the image. NULL: it is not such
	 * a runtime. */
	const char *(*prefix)(struct arena *, const char *image, const char *store);
	const char *(*file)(struct arena *, const char *image, const char *store);
	const char *(*binds)(struct arena *, const struct cluster *, const struct node *);
	/* "ok", "missing", "down" or "denied", from the facts. */
	const char *(*state)(const struct facts *);
	/* For preflight: reports what it needs on the node before anything starts. */
	void (*check)(struct arena *, const struct cluster *, const struct node *,
		      struct diags *);
	/* If contained: the arguments of `docker run` that only it needs, and those that hand over
	 * all GPUs of the node (NULL: it cannot). */
	const char *const *args;
	const char *const *(*gpus)(const struct cluster *, const struct node *);
	bool gpu_groups;        /* behind those, it takes the groups of the devices by number */
	/* The same for one slice of a GPU; NULL: it cannot. */
	const char *(*slice)(struct arena *, const struct gpu_slice *);
	bool launcher_gpus;     /* a launcher adds those itself (run_cluster.sh: --gpus all) */
	/* The command that sets up GPUs for it, as root; NULL: none is needed. */
	const char *(*gpu_setup)(const struct accelerator *);

	/* A step that is one container or process: observe, start and end it. */
	void (*observe)(struct arena *, struct step *, struct diags *);
	struct task *(*up)(struct arena *, const struct start *, struct tasks *);
	void (*down)(struct arena *, const struct step *, struct tasks *);
	/* A server beside the coordinator, inside what a step of kind `in` started on its node.
	 * clear_beside ends what an earlier apply left (NULL: up_beside does); the others start and
	 * end it. `coordinator` is ADDRESS:PORT where its GPUs must be free again, or NULL. */
	void (*clear_beside)(struct arena *, const struct step *, const struct kind *in,
			     struct tasks *);
	struct task *(*up_beside)(struct arena *, const struct start *, const struct kind *in,
				  struct tasks *);
	void (*down_beside)(struct arena *, const struct step *, const struct kind *in,
			    const char *coordinator, struct tasks *);
	/* Adds the words of a command that runs where a step with these inputs would, without GPUs
	 * and network, and ends: up to "sh -c". $DRAY_FILES is `files` there, $DRAY_VENV the
	 * virtual environment, if there is one. */
	void (*trial)(struct arena *, struct attrs *inputs, const char *files, struct task *);
	/* Is the recorded instance still there? What do its state and its logs say, as a report
	 * (planner/why/evidence.h)? `beside`: the server runs in it, too. */
	void (*guard)(struct arena *, const struct step *on, struct tasks *);
	void (*diagnose)(struct arena *, const struct step *on, bool beside, struct tasks *);
	/* Where its programs are, for scripts: a container or a folder. */
	const char *(*place)(struct arena *, const struct step *);
};

/* The runtime that these inputs are for. */
const struct runtime *runtime_of(struct attrs inputs);
/* The runtime that started the step, from its record and what runs. */
const struct runtime *runtime_there(const struct step *);
/* Adds the inputs that say what runs the step. */
void runtime_want(struct arena *, struct step *);
/* Observes a step that is a container or a process, whichever it was started as. */
void observe_engine(struct arena *, struct step *, struct diags *);
/* Does the container or process of the step run? */
bool engine_lives(struct arena *, const struct step *);
/* If the runtime does not answer, what it runs is not known. Then a step with a record becomes
 * unknown. */
bool observe_silent(struct arena *, struct step *, const struct runtime *);

/* Node scripts call docker. Puts the runtime's shim in front of a task's script, or in front of
 * a script that is passed to another one as text. */
void container_task(struct arena *, struct task *, const struct runtime *);
const char *container_text(struct arena *, const struct runtime *, const char *script);
/* A script, with the functions that tell the owner of a container or process. */
const struct script *owner_script(struct arena *, const struct script *);
/* The same, and the functions that keep reports beside the records. */
const struct script *keep_script(struct arena *, const struct script *);
/* Adds a task for each node of the spec that prints what was kept there last. */
void kept_logs(struct arena *, const struct cluster *, struct tasks *);

/* Arguments of every script that starts a server: its key, where it listens, how long its log
 * may stand still. */
void start_server_args(struct arena *, struct task *, const struct start *);
/* Arguments of every script that prints a report: how much of each log. */
void diagnose_args(struct arena *, struct task *);
/* The instance that an earlier apply started and that is coming up, or NULL. */
const char *start_awaited(const struct start *);
/* Adds each attribute env.NAME as a word NAME=VALUE. */
void env_words(struct arena *, struct task *, struct attrs *);

#endif
