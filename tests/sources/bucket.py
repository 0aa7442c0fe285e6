# bucket.py PORT: a server, with a user and a role for an hour, whose keys go into `keys`. What comes
# from `ask` is Python for a client `s3` of that user; `answer` gets what went wrong.
import boto3, os, socket, sys, textwrap, threading, time, traceback
from botocore.config import Config
from moto.s3.models import s3_backends
from moto.server import main

def client(name, key, secret):
    return boto3.client(name, endpoint_url="http://127.0.0.1:" + sys.argv[1], region_name="eu-central-1",
                        aws_access_key_id=key, aws_secret_access_key=secret,
                        config=Config(retries={"total_max_attempts": 1}))

def users():
    iam, sts = client("iam", "x", "x"), client("sts", "x", "x")
    may = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
    iam.create_user(UserName="dray")
    key = iam.create_access_key(UserName="dray")["AccessKey"]
    iam.put_user_policy(UserName="dray", PolicyName="all", PolicyDocument=may)
    role = iam.create_role(RoleName="hour", AssumeRolePolicyDocument="{}")["Role"]
    iam.put_role_policy(RoleName="hour", PolicyName="all", PolicyDocument=may)
    hour = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="dray")["Credentials"]
    with open("keys", "w") as f:
        print(key["AccessKeyId"], key["SecretAccessKey"], hour["AccessKeyId"], hour["SecretAccessKey"],
              hour["SessionToken"], file=f)
    return client("s3", key["AccessKeyId"], key["SecretAccessKey"])

def listens():
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", int(sys.argv[1]))) == 0

def ask():
    while not listens():
        time.sleep(0.1)
    s3 = users()
    while True:
        with open("ask") as f:
            text = f.read()
        wrong = ""
        try:
            exec(textwrap.dedent(text), {"s3": s3, "os": os})
        except Exception:
            wrong = traceback.format_exc()
        with open("answer", "w") as f:
            f.write(wrong)

s3 = s3_backends["123456789012"]["aws"]
s3.create_bucket("pages", "eu-central-1")
for i in range(1003):
    s3.put_object("pages", "many/part-%05d.json" % i, b"{}")
threading.Thread(target=ask, daemon=True).start()
main(["-p", sys.argv[1]])
