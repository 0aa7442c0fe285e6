#ifndef KINDS_COMMON_H
#define KINDS_COMMON_H

#include "planner/graph.h"

/*
 * What several kinds need: names, addresses, the inputs of a step with its upstream's
 * outputs filled in, and the look of a step that is a container. Pure.
 */
enum { RAY_PORT = 6379 };
/* Where hf_home lies in every container of the engine, as run_cluster.sh has it. */
#define HF_HOME_INSIDE "/root/.cache/huggingface"

/* dray-<cluster>-<kind>: one of each on a node. */
const char *container_name(struct arena *, const struct model *, const char *kind);
/* The address that other nodes dial: as written, or the first that the node showed;
 * NULL: not known. */
const char *node_dial(const struct node *);
/* The same with a port behind it, an IPv6 address in brackets; NULL: not known. */
const char *node_dial_port(struct arena *, const struct node *, long long port);
/* The interface that owns node_dial(), or NULL. */
const char *node_interface(const struct node *);
/* Was the node looked at, and did it answer? */
bool node_seen(const struct node *);
/* The value of NAME in the node's env or the engine's, or NULL. */
const char *env_value(const struct model *, const struct node *, const char *name);
/* Everything the user wants in the environment of the node's containers: env.NAME. */
void env_want(struct arena *, const struct model *, const struct node *, struct attrs *);
/* Each attribute env.NAME as "-e", "NAME=VALUE". */
void env_args(struct arena *, struct task *, struct attrs *);
/* The commit to serve: the Hub's, or what the head's record says of the same revision
 * while the Hub does not answer; NULL: not known. */
const char *model_commit(const struct model *);
/* Where the model lies, as the engine sees it. */
const char *model_inside(struct arena *, const struct model *, const char *commit);
/* A word list as one text that a shell would split into the same words. */
const char *words_text(struct arena *, const struct words *);
/* s as a JSON string, quotes and all. */
const char *json_text(struct arena *, const char *s);
/* 12345678901 -> "12.3 GB". */
const char *bytes_text(struct arena *, long long bytes);

/* What the step wants, with values known now: an unknown one is the output of the
 * upstream it flows from, or the step's own; what is still unknown is left out. */
struct attrs step_inputs(struct arena *, const struct step *);
/* The dependency of that kind on that node (NULL: any), or NULL. */
const struct step *step_upstream(const struct step *, const char *kind,
				 const struct node *);
void problem_add(struct arena *, struct problems *, enum severity, const struct node *,
		 const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* Who listens on that port of the node and is not `container` of ours, or another of the
 * same cluster that goes when this one comes, in words; NULL: nobody. With `ours_runs`, a
 * listener whose owner is hidden from us counts as ours. */
const char *foreign_listener(struct arena *, const struct node *, int port,
			     const char *container, bool ours_runs);

/* RDMA for the containers of a node (rdma.c), where the layout has it and the user did not
 * turn it off: rdma.* and env.NCCL_*, to be added before the user's own environment. */
void rdma_want(struct arena *, const struct model *, const struct node *, struct attrs *);
/* The inputs rdma.NAME as words of `docker run`, to come before the user's. */
void rdma_args(struct arena *, struct task *, const struct attrs *inputs);
/* After the start: a task that reads in `log` (a file in the container, or "-" for its
 * own output) which way NCCL took, and tells it as a note. */
void rdma_report(struct arena *, const struct model *, struct node *, const char *container,
		 const char *log, struct tasks *);

/* Something that is not ours is in the way of the step. */
void see_conflict(struct arena *, struct step *, struct problems *, const char *why,
		  const char *hint);
/* A step that is known by its record alone: seen from that. */
void see_record(struct arena *, struct step *);
/* A step of the user's: seen by its record and its look. True: it is in place, perhaps
 * without a record (adopted); what is there is the caller's to say. */
bool see_look(struct arena *, struct step *, struct problems *);
/* What observe() showed of a step, less what the step leaves open, and with the secrets of
 * its record that observe() does not tell. */
void user_leave_open(struct arena *, const struct step *, const struct attrs *recorded,
		     const struct attrs *from, struct attrs *to);
/* Containers that cannot be asked for are neither there nor gone: where a record tells of
 * the step and its runtime does not answer, it is unknown. */
bool see_silent(struct arena *, struct step *, enum runtime);
/* A step that is the container dray-<cluster>-<kind>. */
void see_container(struct arena *, struct step *, struct problems *);
/* The container of that name on the node, ours or not, or NULL. */
const struct fact_container *find_container(const struct node *, const char *name);
bool container_runs(const struct fact_container *);

/* What runs it (process.c): containers by docker or podman, or processes of a virtual
 * environment. The steps that run something have it as an input. */
const char *runtime_word(enum runtime);
void runtime_want(struct arena *, struct step *);
/* By which one the step is there, as its record and what lives say. */
enum runtime runtime_there(const struct step *);
/* Node scripts say docker; of this runtime it is podman. A task's script, and one that
 * goes as text into another. */
void container_task(struct arena *, struct task *, enum runtime);
const char *container_text(struct arena *, enum runtime, const char *script);
/* A script with what it needs to find processes of ours before it. */
const struct script *process_script(struct arena *, const char *name);
/* A step that is a container or a process, whichever it was put up as; one that is a
 * process, in a container or not; its process, or NULL; and does it live as either? */
void see_engine(struct arena *, struct step *, struct problems *);
void see_proc(struct arena *, struct step *);
const struct fact_proc *find_proc(const struct step *);
bool engine_lives(struct arena *, const struct step *);
/* The step as a process: the caller adds the words of its command, a program of the
 * virtual environment. `env` has its environment as env.NAME; `wait` is "ray", "api" or
 * "rank", as process-up.sh has them. And its end, with all that came from it. */
struct task *process_up(struct arena *, const struct step *, struct tasks *,
			struct attrs *inputs, struct attrs *env, const char *wait,
			const char *what);
void process_down(struct arena *, const struct step *, struct tasks *);
/* Where Ray puts its sockets and logs when it runs as processes. */
const char *ray_folder(struct arena *, const struct model *);
/* Is that very container or process still there? What do its logs say? `what` is as
 * blame.sh has it. */
void engine_guard(struct arena *, const struct step *on, struct tasks *);
void engine_blame(struct arena *, const struct step *on, const char *what, struct tasks *);

/* A container of the engine (container.c): what it is made of, as inputs of its step. */
void engine_want(struct arena *, struct step *);
/* What the nodes decide together (interfaces and RDMA for NCCL) stands as it is there, in
 * what the step wants, while one of them is silent. */
void engine_keep_common(struct arena *, struct step *);
/* The words that start it, up to and with the image; it runs detached, and what comes
 * behind are arguments of /bin/sh in it. */
void engine_run(struct arena *, struct task *, const struct step *, struct attrs *inputs);
/* Those of them that run_cluster.sh has not itself: mounts, environment, the user's
 * docker_args, name, labels. */
void engine_extra_args(struct arena *, struct task *, const struct step *,
		       struct attrs *inputs);
/* What `vllm serve` is told, as inputs: the same for all ranks; and of the API. */
void engine_serve_want(struct arena *, struct step *);
void engine_api_want(struct arena *, struct step *);
/* What a change of them does to whatever serves. */
#define SERVE_FIELDS \
	{"model.", EFFECT_RESTART, "which model, at which commit or path"}, \
	{"name", EFFECT_RESTART, "the name that the API knows the model by"}, \
	{"bind", EFFECT_RESTART, "the address the API listens at"}, \
	{"port", EFFECT_RESTART, "the port the API listens at"}, \
	{"tensor", EFFECT_RESTART, "tensor parallel size"}, \
	{"pipeline", EFFECT_RESTART, "pipeline parallel size"}, \
	{"nodes", EFFECT_RESTART, "how many nodes the layout uses"}, \
	{"args.", EFFECT_RESTART, "further arguments of vllm serve"}, \
	{"api_key", EFFECT_RESTART, "the key that callers must show"}
/* Its command line: the model, with `api` where it listens, and the sizes. */
void engine_serve_args(struct arena *, struct task *, const struct model *, struct attrs *inputs,
		       bool api);
/* engine.args as words of a command line. */
void engine_user_args(struct arena *, struct task *, const struct pairs *);
/* "--option", "12". */
void number_arg(struct arena *, struct task *, const char *option, long long value);

/* A Ray node container, head or worker: what it wants and waits for, up and down. */
void ray_plan(struct arena *, struct graph_builder *, struct step *);
void ray_up(struct arena *, const struct step *, struct tasks *);
void ray_down(struct arena *, const struct step *, struct tasks *);
extern const struct field_effect ray_fields[];

/* What the node showed, with no other GPUs than CUDA_VISIBLE_DEVICES of its env leaves the
 * engine; NULL: it was not seen. */
const struct facts *facts_visible(struct arena *, const struct model *, const struct node *);
/* What is wrong with the GPUs of a node that was seen. */
void preflight_gpus(struct arena *, const struct model *, const struct node *, struct problems *);

#endif
