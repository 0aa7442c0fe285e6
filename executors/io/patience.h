#ifndef EXECUTORS_PATIENCE_H
#define EXECUTORS_PATIENCE_H

/* How long this side waits, in seconds: rows of planner/base/limits.def. Tests wait less. */
struct patience {
	unsigned secret, git;
	unsigned connect, login, keepalive, dead, persist;      /* a connection */
	unsigned hello, start, busy, killed, quiet, answer;     /* a session */
	unsigned http_connect, http, hub, headers, tensors;     /* a request */
	unsigned ask_status, metrics, chat;                     /* the API */
	unsigned guard, unheard, diagnose, reconnect;           /* an apply */
	unsigned orphan, leave;
	unsigned lock, lock_again;                              /* a lock that is held */
	unsigned inventory, lua_run;                            /* a Lua file */
};
extern struct patience patience;

#endif
