"""The frozen vocabulary: what readers find, rules judge and formats show. No I/O, no judgement."""
