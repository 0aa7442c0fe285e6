/* The executor that takes dray's own ssh client where that can do it, and the user's ssh where it
 * cannot. */
#include "executors/executor.h"
#include "executors/ssh/ssh_place.h"

extern const struct executor executor_ssh, executor_openssh;

static const struct executor *
auto_choose(const struct node *node, const struct err *refused, struct err *why)
{
	if (refused) {
		*why = *refused;
		return refused->beyond ? &executor_openssh : NULL;
	}
	return ssh_place_beyond(node, why) ? &executor_openssh : &executor_ssh;
}

static int
auto_port(const struct node *node)
{
	struct err why = {0};

	return auto_choose(node, NULL, &why)->port(node);
}

const struct executor executor_auto = {
	.name = "auto",
	.doc = "ssh, or openssh for a host that needs it",
	.choose = auto_choose,
	.port = auto_port,
};
