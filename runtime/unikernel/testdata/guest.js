const fs=require('fs'),path=require('path'),crypto=require('crypto'),http=require('http'),os=require('os');
const {Worker,isMainThread,parentPort,workerData}=require('worker_threads');
if(!isMainThread){
 if(workerData.spin){
  const a=new Int32Array(workerData.sab);Atomics.wait(a,0,0,100);Atomics.store(a,1,7);Atomics.notify(a,1);
 }
 parentPort.postMessage({x:workerData.n*2}); return;
}
(async()=>{
 fs.mkdirSync('/tmp/a/b',{recursive:true}); fs.writeFileSync('/tmp/a/b/c','hi');
 console.log(fs.readFileSync('/tmp/a/b/c','utf8'),fs.readdirSync('/tmp/a'),fs.statSync('/tmp/a/b/c').size);
 await fs.promises.writeFile('/tmp/p','x'.repeat(1e6)); console.log((await fs.promises.readFile('/tmp/p')).length);
 try{fs.writeFileSync('/usr/x','a')}catch(e){console.log(e.code)}
 fs.rmSync('/tmp/a',{recursive:true}); console.log(fs.existsSync('/tmp/a'), process.cwd(), process.execPath);
 console.log(crypto.createHash('sha256').update('x').digest('hex').slice(0,8),
  crypto.randomUUID().length, crypto.randomBytes(4).length);
 await new Promise(r=>setTimeout(r,20)); console.log('timer');
 await new Promise(r=>crypto.pbkdf2('a','b',1000,32,'sha256',()=>r())); console.log('pbkdf2 pool');
 const s=http.createServer((q,r)=>{ let n=0; q.on('data',d=>n+=d.length); q.on('end',()=>r.end('web'+n)); });
 await new Promise(r=>s.listen(0,'127.0.0.1',r)); const port=s.address().port;
 console.log(await new Promise((ok,no)=>{
  const q=http.request({port,host:'127.0.0.1',method:'POST'},r=>{
   let b='';r.on('data',d=>b+=d);r.on('end',()=>ok(b));
  });
  q.on('error',no);q.end('z'.repeat(500000));
 }));
 console.log(await (await fetch(`http://127.0.0.1:${port}/`,{method:'POST',body:'abc'})).text());
 const s2=http.createServer((q,r)=>r.end('six')); await new Promise(r=>s2.listen(0,r));
 console.log(await (await fetch(`http://localhost:${s2.address().port}/`)).text());
 s.close(); s2.close(); s.closeAllConnections(); s2.closeAllConnections();
 const sab=new SharedArrayBuffer(16);
 const rs=await Promise.all([1,2,3].map(n=>new Promise((ok,no)=>{
  const w=new Worker(__filename,{workerData:{n,sab,spin:n==3}});w.on('message',ok);w.on('error',no);
 })));
 console.log(rs);
 const a=new Int32Array(new SharedArrayBuffer(16));
 const w=new Worker(`const {workerData:a}=require('worker_threads');setTimeout(()=>{Atomics.store(a,0,1)},50)`,
  {eval:true,workerData:a});
 await new Promise(r=>w.on('online',r));
 const t0=Date.now(); while(Atomics.load(a,0)==0){ if(Date.now()-t0>3000){console.log('spin failed');break;} }
 console.log('spin ok');
 const mod=new WebAssembly.Module(new Uint8Array([
  0,97,115,109,1,0,0,0,1,7,1,96,2,127,127,1,127,3,2,1,0,7,7,1,3,97,100,100,0,0,10,9,1,7,0,32,0,32,1,106,11]));
 console.log(new WebAssembly.Instance(mod).exports.add(2,3)); 
 const mem=new WebAssembly.Memory({initial:1,maximum:100}); mem.grow(10); console.log(mem.buffer.byteLength);
 try{require('child_process').execSync('ls')}catch(e){console.log('spawn',e.code)}
 console.log(os.totalmem(),os.cpus().length,os.hostname(), process.memoryUsage().rss>0);
 const ni=os.networkInterfaces();
 if(ni.lo[0].address!=='127.0.0.1'||!ni.lo[0].internal||ni.eth0[0].internal||ni.eth0[0].family!=='IPv4')
  throw new Error(JSON.stringify(ni));
 fs.copyFileSync('/tmp/p','/tmp/q'); await fs.promises.copyFile('/tmp/p','/tmp/r');
 if(fs.statSync('/tmp/q').size!==1e6||!fs.readFileSync('/tmp/r').equals(fs.readFileSync('/tmp/p')))
  throw new Error('copy');
 process.on('SIGUSR2',()=>{console.log('sig'); }); process.kill(process.pid,'SIGUSR2');
 await new Promise(r=>setTimeout(r,10));
 const z=require('zlib');
 console.log(z.gunzipSync(z.gzipSync('zz'.repeat(1000))).length, await new Promise(r=>z.gzip('a',(e,b)=>r(b.length))));
 let junk=[]; for(let i=0;i<200;i++){junk.push(Buffer.alloc(100000,i)); if(i%20==0) junk=[]; } 
 let o=[]; for(let i=0;i<1e6;i++){o.push({i}); if(o.length>1e5)o=[];} console.log('gc ok');
 await require('dns').promises.lookup('localhost').then(console.log);
 for (const family of [0,4]) console.log(
  await require('dns').promises.lookup('127.0.0.1',{family,hints:require('dns').ADDRCONFIG}),
  await require('dns').promises.lookup('localhost',{family,hints:require('dns').ADDRCONFIG}));
 console.log('SUCCESS'); process.exit(0);
})().catch(e=>{console.log('ERR',e);process.exit(1)});
