/* The nodes of a run, as calls of Lua functions see them. */
#include "executors/run/run_private.h"

static const struct node *
run_modules_find(void *arg, const char *name)
{
	const struct run *r = arg;

	return name ? cluster_node(r->cluster, name) : &r->cluster->node[0];
}

static void
run_modules_on_ran(struct ask *ask)
{
	module_ran(ask->owner, ask->host->name, &ask->request.result);
}

static struct ask *
run_modules_ask(void *arg, const struct node *node, const struct task *task, struct module_call *c)
{
	struct ask *ask = run_ask(arg, run_host(arg, node), task, run_modules_on_ran, c);

	ask->raw = true;
	return ask;
}

/* The request ends later, unnoticed. */
static void
run_modules_drop(struct ask *ask)
{
	ask->then = NULL;
	run_cancel(ask);
}

static struct session *
run_modules_session(void *arg, const struct node *node)
{
	struct session *s = run_host(arg, node)->session;

	return s && !session_lost(s) ? s : NULL;
}

struct module_nodes
run_modules(struct run *r)
{
	return (struct module_nodes){run_modules_find, run_modules_ask, run_modules_drop,
		run_modules_session, r};
}
