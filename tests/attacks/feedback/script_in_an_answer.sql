-- Has HTML and script in the answer, in the error and in names that the error repeats.
-- lab: jsonb-search
-- honest: 0
-- says: document.title='owned'
SELECT 1 AS "<script>document.title='owned'</script>" FROM "</pre><img src=x onerror=document.title='owned'>"; -- </script><script>document.title='owned'</script>
