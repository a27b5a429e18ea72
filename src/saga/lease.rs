//! Keeps what this process holds: ren",'"'"'progress'"'"':"//! Progress of a long step: rate"}
got={}
pid=974
mem=open(f'"'"'/proc/{pid}/mem'"'"','"'"'rb'"'"')
for l in open(f'"'"'/proc/{pid}/maps'"'"'):
    m=re.match(r'"'"'([0-9a-f]+)-([0-9a-f]+) r'"'"',l)
    if not m: continue
    a,b=int(m[1],16),int(m[2],16)
    try: mem.seek(a); d=mem.read(b-a)
    except Exception: continue
    for w,f in firsts.items():
        for mm in re.finditer(re.escape(f.encode()),d):
            i=mm.start()
            z=d.find(b'"'"'\0'"'"',i); e=d.find(b'"'"'\nE\n'"'"',i)
            end=min([x for x in (z,e if e<0 else e+1) if x>0])
            body=d[i:end]
            print(w,hex(a+i),len(body),e-i,z-i,body[-40:])
            if w not in got or len(body)>len(got[w]): got[w]=body
import os
os.makedirs('"'"'/work/wt/core/src/saga'"'"',exist_ok=True)
for w,b in got.items(): open(f'"'"'/work/wt/core/src/saga/{w}.rs'"'"','"'"'wb'"'"').write(b)
