import json, threading, hashlib, ssl, time, os, uuid, random, socket, tempfile, sqlite3, subprocess, sys, select
print(json.dumps({"a":1}), hashlib.sha256(b"x").hexdigest()[:8], ssl.OPENSSL_VERSION)
# threads incl. spinner
done=[]
def w():
    time.sleep(0.05); done.append(1)
t=threading.Thread(target=w); t.start()
while not done: pass
t.join(); print("spin ok")
def cpu(n):
    s=0
    for i in range(n): s+=i
    done.append(s)
ts=[threading.Thread(target=cpu,args=(200000,)) for _ in range(8)]
[t.start() for t in ts]; [t.join() for t in ts]; print("threads", len(done))
with tempfile.TemporaryDirectory() as d:
    p=os.path.join(d,"f"); open(p,"w").write("hello"*1000); print(os.path.getsize(p), open(p).read()[:5], os.listdir(d))
    os.rename(p,p+"2"); os.symlink("f2",p); print(os.readlink(p), open(p).read()[-5:])
    db=sqlite3.connect(os.path.join(d,"x.db")); db.execute("create table t(a)")
    db.executemany("insert into t values(?)",[(i,) for i in range(1000)]); db.commit()
    print(db.execute("select sum(a) from t").fetchone()); db.close()
srv=socket.socket(); srv.bind(("127.0.0.1",0)); srv.listen(5); port=srv.getsockname()[1]
def serve():
    c,a=srv.accept(); d=c.recv(100); c.sendall(d.upper()*10000); c.close()
t=threading.Thread(target=serve); t.start()
c=socket.create_connection(("127.0.0.1",port)); c.sendall(b"hello"); n=0
while True:
    b=c.recv(65536)
    if not b: break
    n+=len(b)
t.join(); print("sock",n)
a,b=socket.socketpair(); a.send(b"zz"); print(b.recv(10))
try: subprocess.run(["/bin/ls"])
except Exception as e: print("fork:", repr(e))
try: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
except Exception as e: print("raw:", repr(e))
assert socket.if_nameindex()==[(1,"lo"),(2,"eth0")] and socket.if_nametoindex("eth0")==2
for family in (0, socket.AF_INET):
    print(socket.getaddrinfo("localhost", 80, family=family, flags=socket.AI_ADDRCONFIG, type=socket.SOCK_STREAM))
import shutil
with tempfile.TemporaryDirectory() as d:
    p=os.path.join(d,"a"); open(p,"wb").write(os.urandom(1000000)); shutil.copyfile(p,p+"2")
    assert open(p,"rb").read()==open(p+"2","rb").read()
    a,b=socket.socketpair(); got=[]
    t=threading.Thread(target=lambda: got.append(b.recv(1000000, socket.MSG_WAITALL))); t.start()
    assert a.sendfile(open(p,"rb"))==1000000; t.join()
    assert got[0]==open(p,"rb").read()
u=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1",0)); u.sendto(b"dg", u.getsockname())
print(u.recvfrom(100))
import asyncio
async def am():
    async def h(r,w):
        d=await r.read(100); w.write(d); await w.drain(); w.close()
    s=await asyncio.start_server(h,"127.0.0.1",0); p=s.sockets[0].getsockname()[1]
    r,w=await asyncio.open_connection("127.0.0.1",p); w.write(b"async"); print(await r.read(100)); s.close()
asyncio.run(am())
import signal
def on(*a): print("alarm")
signal.signal(signal.SIGALRM,on); signal.setitimer(signal.ITIMER_REAL,0.05); time.sleep(0.2)
print(uuid.uuid4()!=uuid.uuid4(), len(os.urandom(10)), os.getpid()==os.getpid())
import urllib.request, http.server
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(s): s.send_response(200); s.end_headers(); s.wfile.write(b"web")
    def log_message(*a): pass
hs=http.server.ThreadingHTTPServer(("127.0.0.1",0),H); threading.Thread(target=hs.serve_forever,daemon=True).start()
print(urllib.request.urlopen(f"http://127.0.0.1:{hs.server_address[1]}/").read())
import multiprocessing, concurrent.futures as cf
with cf.ThreadPoolExecutor(20) as ex: print(sum(ex.map(lambda x:x*x, range(100))))
print("SUCCESS")
