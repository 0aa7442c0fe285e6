#include "executors/io/patience.h"

#include "planner/base/limits.h"

struct patience patience = {
	.secret = SECRET_LIMIT, .git = GIT_LIMIT,
	.connect = CONNECT_LIMIT, .login = LOGIN_LIMIT, .keepalive = KEEPALIVE_EVERY,
	.dead = DEAD_STALL, .persist = MASTER_LIMIT,
	.hello = HELLO_LIMIT, .start = START_LIMIT, .busy = BUSY_LIMIT, .killed = KILLED_LIMIT,
	.quiet = QUIET_STALL, .answer = ANSWER_LIMIT,
	.http_connect = HTTP_CONNECT_LIMIT, .http = HTTP_LIMIT, .hub = HUB_LIMIT,
	.headers = HEADERS_LIMIT, .tensors = TENSORS_LIMIT,
	.ask_status = ASK_STATUS_LIMIT, .metrics = METRICS_LIMIT, .chat = CHAT_STALL,
	.guard = GUARD_EVERY, .unheard = GUARD_STALL, .diagnose = DIAGNOSE_LIMIT,
	.reconnect = RECONNECT_LIMIT,
	.orphan = ORPHAN_LIMIT, .lock = LOCK_WAIT_LIMIT, .lock_again = LOCK_EVERY, .leave = LEAVE_LIMIT,
	.inventory = INVENTORY_LIMIT, .lua_run = LUA_RUN_LIMIT,
};
